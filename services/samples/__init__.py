"""The demonstration's messages: a story we wrote ourselves, as data, and what sends it through the real doors.

`story.toml` has the people, the texts and what has to become of each message; `mails/` has the mails. Times stand in
them as days before today, so that the pattern is recent on whichever day it is shown.
"""
