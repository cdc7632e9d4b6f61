"""Neural architecture search: the study, strategies, proxies, engines, the supernet, second scores and refinement."""
