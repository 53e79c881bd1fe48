"""The timeline: readings stored, ordered, counted and laid out, for pages, commands and packages.

Knows no page and no queue; reads exhibits and readings, and changes nothing but the stored reading.
"""
