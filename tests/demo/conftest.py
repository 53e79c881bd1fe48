"""The pages' own browser, for the demonstration's page."""

from tests.web.conftest import base_url, browser_type_launch_args

__all__ = ["base_url", "browser_type_launch_args"]
