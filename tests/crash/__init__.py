"""Kill it anywhere: what breaks a real `doit` in every way that a machine can, and what must hold after it.

`python -m tests.crash` lists the campaigns; docs/reliability.md says what each of them shows.
"""
