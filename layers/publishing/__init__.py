"""Publishing built layers to AWS, to several regions, and never twice.

`layer_file` reads and checks the files that `layers.build` has written; `publication` describes a layer in a region;
`region` sends it to AWS; `run` publishes all; `report` prints the results.
"""
