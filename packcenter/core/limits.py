"""Every limit of the core, with its reason beside it."""

MANIFEST_LINES_MAX = 256
"""Lines in one `ManifestReceived`: keeps a journal record under 64 KiB and a step under 2 ms."""

UNCONFIRMED_GRACE_US = 5_000_000
"""How long an unconfirmed item is waited for before it is lost: one slow image exchange and a repeated one."""

LINK_DOWN_GRACE_US = 1_000_000
"""A deadline that falls while the machine's link is down is looked at again after this long; the answer may wait in its ring."""

RETRY_US = 1_000_000
"""Pause before a bagger that refused a job is asked again: longer than any acting PackML state of our profiles."""

CAUSES_MAX = 64
"""Longest reason text of a link or a failure that is recorded; the rest belongs into the log."""

OPEN_COMMANDS_MAX = 1024
"""Unanswered commands of one PLC; a rack may hold a drop for every parcel on its way. Reaching it is our mistake."""
