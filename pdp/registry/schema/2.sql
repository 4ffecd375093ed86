-- Version 2: every change of the history is a record in the store, and the records are a chain; see docs/reliability.md.
CREATE TABLE chain (
    seq INTEGER PRIMARY KEY,           -- the place of the record in the chain, from 1
    hash TEXT NOT NULL UNIQUE          -- the record's bytes, in the store
);
ALTER TABLE stage_run ADD COLUMN record TEXT REFERENCES chain(hash);
-- What the last complete run gave: what a reader of several artifacts is shown.
CREATE TABLE release (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    FOREIGN KEY (name, version) REFERENCES artifact(name, version)
) WITHOUT ROWID;
-- The history only grows.
CREATE TRIGGER chain_kept BEFORE DELETE ON chain BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER chain_fixed BEFORE UPDATE ON chain BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER stage_run_kept BEFORE DELETE ON stage_run BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER stage_run_fixed
    BEFORE UPDATE OF id, run, stage, outcome, reasons, key, identity, facts, rows, seconds, at ON stage_run
    BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER artifact_kept BEFORE DELETE ON artifact BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER artifact_fixed BEFORE UPDATE ON artifact BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER output_kept BEFORE DELETE ON output BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER output_fixed BEFORE UPDATE ON output BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER input_kept BEFORE DELETE ON input BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER input_fixed BEFORE UPDATE ON input BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
