"""Every limit of our side of the wire, with its reason beside it. The heartbeat limit is the interface's own (`plc.line`)."""

HEARTBEAT_STEP_US = 100_000
"""Our heartbeat rises this often at most: eight steps fit into the 800 ms after which a PLC calls us lost."""

DISAGREE_LIMIT_US = 800_000
"""How long a PLC's counters may contradict ours: as long as its heartbeat may stand still; one torn read passes."""

AGE_SURE_US = 60_000_000
"""An event's age is told modulo 65.536 s, so it means something only for events surely younger than this."""

MARK_STEP_US = 1_000_000
"""How often an odometer reading is kept for `AGE_SURE_US`: at most 61 are held."""

PENDING_MAX = 16_384
"""Commands that wait for one PLC: one a second through an outage of four hours. More is our mistake, not the plant's."""

HELLO_MAX = 0xFFFF
"""Hello numbers are one word and never 0; none comes again within 18 hours of one attempt a second."""

TORN_READS_MAX = 5
"""Torn images in a row: a split read meets a writing PLC now and then, never five times running."""

RETRY_FIRST_US = 100_000
"""Pause after the first loss: shorter than anybody notices."""

RETRY_MAX_US = 1_000_000
"""Pause in steady failure: at most one attempt a second reaches a PLC that has trouble enough (jitter only adds)."""

RETRY_JITTER_US = 250_000
"""Largest addition to a full pause, so that the links of a hall do not knock together after a power cut."""

SETTLED_US = 5_000_000
"""A link that was up this long starts again with the shortest pause; one that flaps does not."""

CONNECT_LIMIT_US = 3_000_000
"""Connecting takes up to eight round trips and two signatures on OPC UA; longer than this is not a PLC that can be controlled."""

CLOSE_LIMIT_US = 500_000
"""A polite farewell may take this long, then the socket is closed anyway; a stop must end within 5 s."""

STOP_LIMIT_US = 2_000_000
"""A link ends within this after `stop`; four times the farewell."""

PUBLISHING_ASKED_MS = 5.0
"""Publishing and sampling interval asked of an OPC UA server; never 0, for which asyncua's watchdogs have no patience."""

PUBLISHING_LIMIT_MS = 20.0
"""Above this revised interval a polled Read is faster (compiled servers floor it at 50 to 100 ms)."""

SOURCE_STALE_US = 2_000_000
"""An OPC UA value whose source time is this much older than the server's is kept, not measured; `Out` changes every 100 ms."""

SESSION_TIMEOUT_MS = 60_000
"""Life of a forgotten OPC UA session in the server: soon enough not to fill its session table while we reconnect."""

TRACE_ENTRIES = 2_000
"""Telegram changes kept for one PLC: some minutes of a busy line, under 1 MB."""

OPCUA_CHUNK_MAX = 0xFFFF
"""Bytes of one chunk that a server may send: what our hello offers, though asyncua would take 4 GiB."""

OPCUA_CHUNKS_MAX = 16
"""Chunks of one message: the largest reply that we ask for, endpoints with their certificates, in the smallest chunks."""

OPCUA_MESSAGE_MAX = 0x1_0000
"""Bytes of one message in chunks: 16 endpoints with certificates of 2 KiB twice over; an image takes 300."""

OPCUA_RENEW_MIN_MS = 10_000
"""A channel or session that must be renewed more often than this would keep us busy with nothing else."""

PUBLISH_GAP_US = 2_000
"""Least time between two Publish requests, under half of what we ask for: a server that answers at once cannot keep us busy."""
