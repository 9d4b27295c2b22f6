"""Where each location of the vocabulary lies in the reference body, region by region.

Planes and distances in millimetres were read off the one anatomy that the cohort is made from; where a border follows
a published map, the function says which.
"""
