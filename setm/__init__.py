"""SETM, the Secure Energy Trading Model: reference, forecasts, agents, chain access and reports.

Imports go downwards only: ``units slots types errors messages`` -> reference (``orders pricing settlement ...``) ->
``data forecast agents scenario`` -> ``chain`` -> ``simulation`` -> ``report`` -> ``cli``. Nothing in this package
imports Brownie.
"""

__version__ = "0.1.0"
