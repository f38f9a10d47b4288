"""A function measured here: cold start, warm invocations and memory, beside another runtime.

`rounds` is the story: contenders take turns, one process for each run. `runtime_api` and `http_requests` are the other
side of a run, `client_process` the process, `answers` and `budgets` what is made of it. Linux only: what a process
costs is read from `/proc`. Nothing here knows the command line, and the runtime never imports it.
"""
