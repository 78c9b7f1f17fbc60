"""The pages: function views per noun, one template tree, htmx partials that the full page includes too."""
