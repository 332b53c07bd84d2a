"""What is counted adds up."""


def test_counters_add_up(store):
    assert store.read_counts() == {}
    store.add_counts({})
    store.add_counts({"requests": 3})
    store.add_counts({"requests": 2**40, "signals": 1})
    assert store.read_counts() == {"requests": 2**40 + 3, "signals": 1}
