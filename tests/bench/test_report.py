import json

import numpy as np

from studio.bench.report import Report, median, median_interval


def test_a_report_is_a_table_and_plain_json_with_its_figures_on_top():
    report = Report("overhead", ("arm", "ms"), (("bare", 12.34567), ("studio", 12.5)), {"ratio": 1.01})
    assert "12.35" in report.table()
    assert json.loads(json.dumps(report.to_dict()))["ratio"] == 1.01


def test_the_interval_of_a_median_holds_the_median_and_narrows_with_more_values():
    values = np.random.default_rng(1).normal(1.0, 0.1, 400).tolist()
    low, high = median_interval(values)
    assert low < median(values) < high
    few_low, few_high = median_interval(values[:20])
    assert high - low < few_high - few_low
