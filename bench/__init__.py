"""`bin/bench`: what Pylo costs beside others on this machine, over one upstream and one load generator."""
