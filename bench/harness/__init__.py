"""What a run is: plan, workers, store, scores; it knows no concrete method or dataset."""
