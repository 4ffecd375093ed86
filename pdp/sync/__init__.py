"""Remote state: registry, store and raw files as immutable objects, plus one small head that moves by compare-and-swap.

    backend   the protocol of a place, and how a URL names one: folder, Drive, S3, GCS, a single file
    vault     what a place is given to keep: plain bytes, or bytes that only the owner can read and sign
    ledger    what a state holds: all commit records in one order, and where the bytes of each object lie
    engine    push, pull, merge: objects first, head last, and read back after an unknown outcome

No downloaded SQLite file is ever opened: records travel, and the registry is made from them.
"""
