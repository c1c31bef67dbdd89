"""
The bare loops: what the protocol libraries alone cost.

The smallest PLC and the smallest controller that a person would write with each library: the same two images (125 and
114 words) with events and commands in the same places, a dict in place of the rules, and nothing else: no journal, no
checksum, no heartbeat, no epoch, no check of anything. They are yardsticks, never to be used, and share no code with
packcenter.
"""
