"""What a web server must allow for the pages of a study."""

from stavis.batch.index import SCRIPT
from stavis.show.reports.report import plotly_text
from stavis.show.scrubber.module import MODULE, policy


def pages_csp() -> str:
    """The one content-security policy under which every report and the index work: constant scripts by their hashes, nothing fetched."""
    return policy(MODULE, plotly_text(), SCRIPT)
