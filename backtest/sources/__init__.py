"""Where bundles come from: files that a mapping describes, clients of data vendors.

``backtest.sources.importing`` has ``import_files``.
"""
