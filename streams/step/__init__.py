"""The crash-safe step: the only way an agent is written.

A step reads ONE input topic. For each partition, one task takes what has arrived (a bounded batch), asks the step's rule what to do,
and applies it:

1. journal (steps that decide on more than their input and their own table): outputs and table writes in one record; await it;
2. changelog records of the table writes, and the outputs; await them;
3. the local store: table writes and the changelog position, in one write batch;
4. ack the input, in order.

Killed between any two of these: the input comes again. Before 1 nothing happened. After 1 the journal's record is written again, word
for word, and the input it covers is skipped. After 2 or 3 a journaled step does the same, and any other step finds its own offset in its
table (or is a pure function of its input) and writes the same records again. Readers know repeated records by their deterministic ids.

A step may also act by itself when it wants to (`TickingStep`), between two batches: its outputs are written and awaited, and after that its
table writes, as in 2 and 3. Killed in between it finds the same in its table, and writes the same outputs again.

Anything unexpected ends the process at once: a raise inside a Faust agent would acknowledge what was not done (docs/adr/0001).
"""
