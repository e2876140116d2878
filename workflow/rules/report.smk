rule outdated:
    """Signal that the run table or the report is of other records, another plan or other code than today's."""
    output:
        temp(touch(f"{FOLDERS.work}/outdated/{{what}}")),


rule glimpse:
    """Render the report of what is there by now, for whoever waits for the rest."""
    input:
        lambda wildcards: GLIMPSES.get(wildcards.at, []),
    output:
        temp(touch(f"{FOLDERS.work}/glimpse/{{at}}")),
    log:
        f"{LOGS}/glimpse-{{at}}.log",
    priority: 2
    params:
        page=REPORT,
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "({params.command} aggregate --scale {params.scale} && "
        "{params.command} report --scale {params.scale} && "
        "echo 'glimpse: what is done by now stands in {params.page}') > {log} 2>&1"


rule aggregate:
    """Collect the records in one table, failures included."""
    input:
        rows,
        [f"{FOLDERS.work}/glimpse/{at}" for at in GLIMPSES],
        ancient([str(FOLDERS.card(name, dataset.key)) for name, dataset in DATASETS.items()]),
        lambda wildcards: signal_that("table"),
    output:
        report(RUN_TABLE, caption="../report/runs.rst", category="Runs"),
    log:
        f"{LOGS}/aggregate.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} aggregate --scale {params.scale} > {log} 2>&1"


rule render:
    """Render the report; one of a study whose runs all failed has no figures and no tables."""
    input:
        table_to_render,
        lambda wildcards: signal_that("report"),
    output:
        page=report(REPORT, caption="../report/report.rst", category="Report"),
        figures=report(
            directory(f"{FOLDERS.report.parent}/figures"),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
        tables=report(
            directory(f"{FOLDERS.report.parent}/tables"),
            patterns=["{name}.csv"],
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{name}"},
        ),
    log:
        f"{LOGS}/report.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} report --scale {params.scale} > {log} 2>&1 && " "mkdir -p {output.figures} {output.tables}"
