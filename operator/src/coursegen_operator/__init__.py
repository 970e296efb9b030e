"""The operator: it watches the custom resources and turns them into prioritized Jobs."""
