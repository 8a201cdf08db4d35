"""The plotly figure of stavis: nothing of it leaves the machine, and it carries a static image for viewers that run no script."""

import base64
import json
import uuid
from functools import cache

import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import display
from plotly.io.base_renderers import PlotlyRenderer

from stavis.regions import FACE
from stavis.show.figures.colours import (
    ACCENT,
    ACCENT_DARK,
    CURVES,
    FAINT,
    GOLD,
    LINES,
    LINES_MORE,
    PREDICTED,
    PREDICTED_DARK,
    RATER,
    curve_colour,
    groups_of,
)
from stavis.show.figures.static import static_jpeg, static_png

CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]],
    "showSendToCloud": False,
    "plotlyServerURL": "",
}
"""The only plotly settings of figures, pages and notebooks. The buttons are a list of those that are shown, so that a later version of
plotly can add none that sends a chart away, and there is no address to send it to."""
DARK = {
    **dict((*LINES, *LINES_MORE, *((light, dark) for light, dark, _ in FAINT))),
    **{group.colour: group.dark for group in groups_of(FACE)},
    **dict(curve_colour(number) for number in range(len(CURVES))),
    PREDICTED: PREDICTED_DARK,
    ACCENT: ACCENT_DARK,
    GOLD: "#E6E8EB",
    RATER: "#8B929B",
    "#FFFFFF": "#16181B",
    "#1C1F23": "#E6E8EB",
    "#5D646D": "#A2A9B2",
    "#EBEDF0": "#2A2F35",
    "#D3D8DE": "#3F464E",
}
"""What each colour of a figure is on a dark page."""
MIME = "application/vnd.plotly.v1+json"


@cache
def figures_on_dark() -> str:
    """CSS that gives the figures of a notebook the colours of a dark page where JupyterLab is dark: a figure's script cannot know that.

    White is recoloured where it is the ground of a figure, and left where it is a line on a map.
    """
    dark, ground = '[data-jp-theme-light="false"] .js-plotly-plot', DARK["#FFFFFF"]
    rules = [f"{dark} .main-svg:first-child{{background:{ground} !important}}{dark} .bg{{fill:{ground} !important}}"]
    rules.append(f"{dark} .modebar-group{{background:none !important}}{dark} .modebar-btn path{{fill:{DARK['#5D646D']} !important}}")
    for light, colour in DARK.items():
        red, green, blue = (int(light[at : at + 2], 16) for at in (1, 3, 5))
        if light != "#FFFFFF":
            rules += [f'{dark} [style*="{key}: rgb({red}, {green}, {blue})"]{{{key}:{colour} !important}}' for key in ("stroke", "fill")]
    return "\n".join(rules)


class Figure(go.Figure):
    """A plotly figure with these settings, however it is shown: in a notebook, as HTML, in the browser."""

    def _repr_mimebundle_(self, include=None, exclude=None, **_) -> dict:
        """What a notebook keeps: the figure, and an image of it for nbconvert, GitHub and nbviewer.

        The image is a JPEG: in place of the figure JupyterLab's plotly shows a PNG, stretched and white, until the pointer is over it.
        """
        image = static_jpeg(self)
        static = {"image/jpeg": base64.b64encode(image).decode()} if image else {}
        return {MIME: {**json.loads(self.to_json()), "config": CONFIG}, **static, "text/plain": repr(self)}

    def _colab_bundle(self) -> dict:
        """What Colab keeps: HTML, for it does not know plotly's own type; the image in it goes when the figure is drawn."""
        name, png = f"stavis-{uuid.uuid4().hex}", static_png(self)
        image = {"image/png": base64.b64encode(png).decode()} if png else {}
        first = f'<img id="{name}-image" alt="figure" src="data:image/png;base64,{image["image/png"]}">' if image else ""
        after = f'document.getElementById("{name}-image")?.remove();'
        live = self.to_html(full_html=False, include_plotlyjs="cdn", div_id=name, post_script=after)
        return {"text/html": first + live, **image, "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        self.show()

    def show(self, *args, config: dict | None = None, **kwargs) -> None:
        """Shows the figure as plotly does, with the settings of stavis; in a notebook with a static image beside it."""
        names = str(pio.renderers.default).split("+")
        if not args and not kwargs and any(isinstance(pio.renderers[name], PlotlyRenderer) for name in names if name in pio.renderers):
            display(self._repr_mimebundle_(), raw=True)  # JupyterLab, VS Code
            display({"text/html": f"<style>{figures_on_dark()}</style>"}, raw=True)
            return
        if not args and not kwargs and "colab" in names:
            display(self._colab_bundle(), raw=True)
            return
        super().show(*args, config={**CONFIG, **(config or {})}, **kwargs)

    def to_html(self, *args, config: dict | None = None, **kwargs) -> str:
        """HTML with the settings of stavis; arguments as plotly's."""
        return super().to_html(*args, config={**CONFIG, **(config or {})}, **kwargs)

    def write_html(self, *args, config: dict | None = None, **kwargs) -> None:
        """Writes HTML with the settings of stavis; arguments as plotly's."""
        super().write_html(*args, config={**CONFIG, **(config or {})}, **kwargs)

    def __repr__(self) -> str:
        names = ", ".join(str(trace.name) for trace in self.data if trace.name)
        return f"Figure({len(self.data)} traces{': ' if names else ''}{names})"
