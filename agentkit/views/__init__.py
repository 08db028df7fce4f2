"""What a notebook shows. The only place for Jupyter's own machinery."""

from agentkit.views.page_files import css
from agentkit.views.static_view import Shown, bundle, mimebundle, standalone
from agentkit.views.view import View

__all__ = ["Shown", "View", "bundle", "css", "mimebundle", "standalone"]
