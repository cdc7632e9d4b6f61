"""The reports of the toolkit, each a function that returns a self-contained HTML page as text."""

from hwasc.report.distilling import distill_report
from hwasc.report.evaluating import evaluation_report
from hwasc.report.profiling import profile_report
from hwasc.report.searching import search_report
from hwasc.report.teaching import teach_report

__all__ = ["distill_report", "evaluation_report", "profile_report", "search_report", "teach_report"]
