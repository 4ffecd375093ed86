"""Charts: pure functions of frames (`pdp.frames`) that give Altair charts; one set for dashboard, report and tests.

    blood_pressure   blood_pressure, morning_evening, pulse_pressure, mean_arterial_pressure
    heart            heart_rate (days), heart_samples (buckets of `pdp.samples`: ten years to one hour)
    sleep            sleep_stages, sleep_score, sleep_times, sleep_regularity, midsleep_variability
    daily            daily (steps, SpO2, stress, weight, ...: any column of METRICS)
    coverage         coverage: which days have what
    correlation      correlation of two columns of METRICS, with n and a caveat
    effect           before_after a treatment event, with its estimate
    style            `themed(chart, dark=...)`: colours and fonts for a light or a dark page

Common to all: x is local time (drawn as if UTC, so that no browser's zone moves it); y spans all data and every layer
shares it; a day that is missing is a gap; the crosshair tells every series' value at the date and has at most
`parts.MOST_HOVER` points; nothing listens to the mouse wheel, so that the page scrolls; a frame without rows gives a
chart that says so. A single chart is as wide as its container.
"""
