"""
The explorer: the hall under faults that nobody planned, by seed, until something gives.

    seed -> Options (which faults, how hard, which hall) -> a safety phase under faults -> healing -> a liveness phase -> Outcome

Swarm testing in the manner of TigerBeetle's VOPR: each seed switches a random subset of the faults on, because faults that
are always all on hide each other. Two levels share everything but the wire: `protocol` (memory links, no asyncio; real core,
journal, recovery, mailbox, image codec, PLC and plant) and `wire` (the real service and its clients in a virtual network).

    options     what a run is and what came of it: Options, Violation, Outcome
    world       what both levels have; striking: how classes of faults strike
    faults      the fault classes of the protocol level, wire_faults those of the other, shared_faults those of both
    swarm       from a seed to Options
    scenarios   halls and days; features: what of the hall a run has on
    witness     what must never be, seen across journal, wire, PLC and plant while it runs
    checks      what must hold at rest, and in time once faults stop
    paperwork   bills and feeds: written, hindered, and compared with the journal at rest; receipt_files: brought and answered
    goals       what a set of runs must have met at least sometimes
    protocol    the fast level (process: a life of the controller; waits: its waiting; path: its cables); wire: the other one
    shrink      a failing run made as short as it gets, and its script
    runner      many seeds on all cores
"""
