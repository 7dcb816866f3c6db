"""What a longer history is worth: the same days traded on forecasts from 1 to 1,393 days of it, and on the truth.

``plan`` says which days and histories the data allow, ``answers`` makes the forecasts and keeps them, ``costs`` is the
reference's bill, ``study`` puts them together, ``output`` writes tables and the plot.
"""
