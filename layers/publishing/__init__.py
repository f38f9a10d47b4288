"""Publishing: layers that were built go to AWS, to several regions, and never twice.

`layer_file` reads what `layers.build` has written and trusts none of it unchecked; `publication` knows what is to be
said about a layer in a region; `region` speaks to AWS; `run` has them all done; `report` tells what came of it.
"""
