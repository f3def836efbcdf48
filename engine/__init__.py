"""Pure numerics: indicators, detectors, score, rules. No Django, no clock, no input or output.

Bars and times come in as arguments. Modules that need numba say so by importing ``engine.jit``;
``score``, ``rules``, ``timeframes`` and ``catalogue`` do not, so a process that never scores never loads it.
"""
