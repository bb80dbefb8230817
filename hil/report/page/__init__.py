"""A recorded boot, or two side by side, as one HTML file that needs nothing else. Reads folders; judges nothing."""

from hil.report.page.writing import write_page

__all__ = ["write_page"]
