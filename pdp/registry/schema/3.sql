-- Version 3: what the identities of many stage runs have in common is kept once; see pdp/registry/identities.py.
CREATE TABLE common (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE          -- JSON: scheme, code, config, libraries, outputs, ...
);
ALTER TABLE stage_run ADD COLUMN common INTEGER REFERENCES common(id);
DROP TRIGGER stage_run_fixed;
-- The rest of an identity, JSON: what is neither in common nor in the rows of `input`; mostly there is none.
ALTER TABLE stage_run RENAME COLUMN identity TO own;
INSERT OR IGNORE INTO common (text) SELECT identity_common(own) FROM stage_run WHERE own IS NOT NULL ORDER BY id;
UPDATE stage_run
    SET common = (SELECT id FROM common WHERE text = identity_common(own)),
        own = identity_own(own, (
            SELECT json_group_object(a.name, a.hash) FROM input i JOIN artifact a USING (name, version)
            WHERE i.stage_run = stage_run.id))
    WHERE own IS NOT NULL;
-- Nothing looks for bytes without their name, and it was the half of what an artifact took.
DROP INDEX artifact_hash;
-- The history only grows.
CREATE TRIGGER common_kept BEFORE DELETE ON common BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER common_fixed BEFORE UPDATE ON common BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER stage_run_fixed
    BEFORE UPDATE OF id, run, stage, outcome, reasons, key, common, own, facts, rows, seconds, at ON stage_run
    BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
