"""The only room that imports Streamlit: the frame and what its pages are made of."""
