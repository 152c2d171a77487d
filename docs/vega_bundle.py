"""Write the runtime of interactive figures: ``python -m docs.vega_bundle``.

It is the bundle of Vega-Embed, Vega-Lite and Vega that vl-convert holds. Making it takes seconds, so the package has it as a
file. Write it anew after an update of vl-convert. All parts are under the BSD 3-Clause licence.
"""

from __future__ import annotations

from pathlib import Path

import vl_convert

BUNDLE = Path(__file__).resolve().parent.parent / "simulations" / "report" / "web" / "vega.js"


def bundle() -> str:
    """Return the bundle as one script."""
    versions = f"Vega-Embed {vl_convert.get_vega_embed_version()}, Vega {vl_convert.get_vega_version()}"
    licence = f"/* {versions}, Vega-Lite: BSD-3-Clause, https://github.com/vega. Made by python -m docs.vega_bundle. */"
    return f"{licence}\n{vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;')}\n"


if __name__ == "__main__":
    BUNDLE.write_text(bundle(), encoding="utf-8")
