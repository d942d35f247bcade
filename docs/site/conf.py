"""Sphinx's settings for `./workshop site`; workshop_dev/site.py writes the sources."""

project = "Container Design Workshop"
html_title = project
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # shell lines in Python cells
html_theme = "sphinx_book_theme"
html_theme_options = {
    "footer_content_items": [],
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the sidebar has the search
    "use_download_button": False,
    "use_fullscreen_button": False,
}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
