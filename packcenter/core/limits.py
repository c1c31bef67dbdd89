"""Every limit of the core, with its reason beside it."""

MANIFEST_LINES_MAX = 256
"""Lines in one `ManifestReceived`: keeps a journal record under 64 KiB and a step under 2 ms."""

RATE_WINDOW_US = 60_100_000
"""The minute of a lane's rate, and a tenth of a second for what the PLC's clock and ours differ in."""

UNCONFIRMED_GRACE_US = 5_000_000
"""How long an unconfirmed item is waited for before it is lost: one slow image exchange and a repeated one."""

ANSWER_GRACE_US = 1_000_000
"""How long an overdue answer is waited for once its PLC can be heard again: all that waits in a full ring is told in that."""

RETRY_US = 1_000_000
"""Pause before a bagger that refused a job is asked again: longer than any acting PackML state of our profiles."""

CLOSE_RETRY_US = 30_000_000
"""Pause before a rack that refused to close a bag is asked again: time for the hand that was in its way."""

CAUSES_MAX = 64
"""Longest reason text of a link or a failure that is recorded; the rest belongs into the log."""

MAINTENANCE_MINUTES_MAX = 480
"""A shift: whoever needs a machine for longer asks again."""

OPEN_COMMANDS_MAX = 16_384
"""
Unanswered commands of one PLC, as many as its mailbox holds: a rack that cannot be heard gets a drop a second for four
hours, and the baggers before it are blocked long before. Reaching it is our mistake.
"""

SHELF_MINUTES_MAX = 480
"""A shift: whoever comes next is to decide anew (ISA-18.2: no shelving without an end)."""

UNSTEADY_LOSSES = 3
"""A PLC that is lost or restarts so often in `UNSTEADY_WINDOW_US` is unsteady, however short it was each time."""

UNSTEADY_WINDOW_US = 600_000_000
"""Ten minutes: a PLC that is loaded anew and restarted by hand twice needs longer."""

MISSED_ANSWERS = 6
"""
A machine that says so often in `UNSTEADY_WINDOW_US` that it was told nothing of a thing, of which it was told, does not take what
it is told. Single ones are slow exchanges of images.
"""

BROKEN_COUNTERS = 3
"""
So many cells of one case rack that do not count right at once have a cause in common, as one eye or one card that all of them
hang on: two counters that broke by themselves before anybody mended the first are rare, three are not to be expected.
"""

READS_KEPT = 32
"""So many scans of a sorter are remembered, read or not."""

UNREAD_READS = 6
"""So many unread ones among them are the scanner's fault: an ordinary day has one in 350."""

REJECTS_KEPT = 32
"""So many documents that a machine took in hand are remembered, sound or not."""

MANY_REJECTS = 6
"""So many among them that did not come out of it as they should are the machine's fault: an ordinary day has one in 1000."""

CHATTER_RAISINGS = 3
"""An alarm that is raised so often in `CHATTER_WINDOW_US` chatters (ISA-18.2); no more of its raisings are kept."""

CHATTER_WINDOW_US = 60_000_000
"""A minute, in which a person can do nothing about an alarm that comes and goes (ISA-18.2)."""

REPEAT_WINDOW_US = 600_000_000
"""Ten minutes: an alarm that was raised `CHATTER_RAISINGS` times within that comes and goes."""

REPEAT_DELAY_US = 120_000_000
"""
So long an alarm that comes and goes must stand before it is raised once more (ISA-18.2, on-delay): one alone, whatever its cause
does, cannot be a flood, and whoever is called each time can be gone from the last one.
"""

FLOOD_BEGINS = 10
"""More alarms than that in `FLOOD_WINDOW_US` are a flood: more than one person can answer (ISA-18.2)."""

FLOOD_ENDS = 5
"""A flood is over when fewer came in `FLOOD_WINDOW_US` (ISA-18.2); the gap keeps it from trembling."""

FLOOD_WINDOW_US = 600_000_000
"""Ten minutes, the window in which ISA-18.2 counts alarms."""

DISCREPANCY_MINUTES_MAX = 10_080
"""A week: a deadline beyond is none."""

DISCREPANCY_MINUTES = 480
"""A shift: whoever hands over should have closed it."""

DISCREPANCY_SECURE_MINUTES = 120
"""Two hours for what may be an ID document: later the bags are gone, and so are those who saw it."""

COUNT_LINES_MAX = 1_024
"""Lines of a count: three kinds of place, a dozen classes, two dozen agencies, and room; keeps its record under 64 KiB."""

COUNT_VALID_US = 3_600_000_000
"""An hour: what was counted before that does not say what is handed over now."""

CUTOFF_LEAD_US = 300_000_000
"""Letters that wait for others stop waiting five minutes before a cut-off: so long it takes to lay out, pack and drop them."""

LOOK_AGAIN_US = 60_000_000
"""What stands before a case rack is in its cell within a minute, if the rack runs at all; then it is looked again."""

LETTERS_LEAVE = 4
"""Letters leave the last of four cells of a case rack free for cases, which cannot leave without one."""

PLAN_BYTES_MAX = 256 * 1024
"""A plan as the journal keeps it, twice in a record of at most 1 MiB: ten times what the 109 centres of a province need."""
