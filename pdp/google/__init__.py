"""Google's services through Google's own client libraries, with what those leave out: timeouts, retries, sentences.

Only `clients`, `faults` and `keys` import them, and nothing imports these three before Google is really asked.
"""
