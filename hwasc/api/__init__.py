"""The verbs as Python functions: `hwasc.open`, `hwasc.search`, `hwasc.distill`, ... The command line is a thin layer on them."""
