-- The registry, version 1. Runs, artifacts and lineage are never updated away; caches and doit's state may be.
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL,              -- running, ok, failed, crashed
    command TEXT NOT NULL,
    versions TEXT NOT NULL,            -- JSON: pdp, python, pandas, pyarrow
    current_count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE stage_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run(id),
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,             -- built, unchanged, restored, failed, blocked
    reasons TEXT NOT NULL,             -- JSON list of sentences
    key TEXT,                          -- the identity, hashed
    identity TEXT,                     -- JSON: scheme, inputs, code, config, libraries
    facts TEXT NOT NULL DEFAULT '{}',  -- JSON that the stage told: rows read, encodings found, ...
    rows INTEGER,
    seconds REAL,
    at TEXT NOT NULL
);
CREATE INDEX stage_run_stage ON stage_run(stage, id);
CREATE TABLE artifact (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    rows INTEGER,
    path TEXT NOT NULL,                -- relative to the data folder
    stage_run INTEGER NOT NULL REFERENCES stage_run(id),
    created_at TEXT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, hash)
);
CREATE INDEX artifact_hash ON artifact(hash);
CREATE TABLE output (
    stage_run INTEGER NOT NULL REFERENCES stage_run(id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (stage_run, name),
    FOREIGN KEY (name, version) REFERENCES artifact(name, version)
) WITHOUT ROWID;
CREATE INDEX output_artifact ON output(name, version);
CREATE TABLE input (
    stage_run INTEGER NOT NULL REFERENCES stage_run(id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (stage_run, name),
    FOREIGN KEY (name, version) REFERENCES artifact(name, version)
) WITHOUT ROWID;
CREATE INDEX input_artifact ON input(name, version);
CREATE TABLE trace (
    stage TEXT NOT NULL,
    key TEXT NOT NULL,
    stage_run INTEGER NOT NULL REFERENCES stage_run(id),
    forgotten INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stage, key)
) WITHOUT ROWID;
CREATE TABLE current (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    stage TEXT NOT NULL,
    stage_run INTEGER NOT NULL REFERENCES stage_run(id),
    FOREIGN KEY (name, version) REFERENCES artifact(name, version)
) WITHOUT ROWID;
CREATE TABLE pin (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, version),
    FOREIGN KEY (name, version) REFERENCES artifact(name, version)
) WITHOUT ROWID;
CREATE TABLE doit_state (task TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file_stat (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE memo (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
