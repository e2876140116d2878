def run_data(wildcards):
    dataset = RUNS[wildcards.key].dataset
    return ancient(list(data_files(dataset.name, dataset.key).values()))


def minutes(wildcards, attempt):
    """Twice the estimate and more with each attempt, never beyond the time limit of a run by much."""
    estimate = RUNS[wildcards.key].estimated_seconds / 60
    return int(min(STUDY.execution.time_limit_minutes + 5, 10 + 2 * attempt * estimate))


rule run:
    """Train, forecast, score and record one method on one data set with one seed."""
    input:
        run_data,
    output:
        temp(f"{FOLDERS.work}/outcomes/{{moment}}/{{key}}.json"),
    threads: STUDY.execution.threads
    retries: STUDY.execution.retries
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=minutes,
        last=lambda wildcards, attempt: "--last-attempt" if attempt > STUDY.execution.retries else "",
        force="--force" if asked("rerun_stale") else "",
    shell:
        "ladid-bench run {wildcards.key} --scale {STUDY.scale} --outcome {output} {resources.last} {resources.force}"
