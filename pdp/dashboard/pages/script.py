"""What Streamlit runs for each visitor, anew after each of their steps."""

from pdp.dashboard.pages import show

show()
