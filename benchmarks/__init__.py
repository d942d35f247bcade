"""Speed, as ratios measured side by side in one run; `promises` alone can fail."""
