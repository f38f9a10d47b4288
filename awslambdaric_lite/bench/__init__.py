"""Measurement of a function: cold start, warm invocations and memory, compared with another runtime.

`rounds` is the entry: each round has one run, which is one process, of each contender. `runtime_api` serves a run,
`client_process` starts it, `posted_results` and `budgets` evaluate it. Linux only: the CPU time and memory of a process
are read from the kernel. This package does not import the command line, and the runtime never imports it.
"""
