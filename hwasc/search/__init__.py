"""The search: the space declared, strategies that ask and are told, the proxy that scores, the study that keeps the journal."""
