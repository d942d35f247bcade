"""Speed, as ratios measured side by side in one run, and what a failure costs; `orders` alone can fail."""
