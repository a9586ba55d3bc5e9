"""Pages made from results: tearsheet and comparison."""
