using System.Globalization;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The training loop: steps, evaluation, checkpoints. What it trains (adapter or whole model) is in the parameter set. A step's figures are read when the next one is
/// under way, so that the device never waits for the host; before an evaluation or a checkpoint they are read at once, so that nothing is kept of a run gone wrong.
/// </summary>
public sealed class TrainingRun : IDisposable
{
    private readonly LlamaModel _model;
    private readonly ParameterSet _parameters;
    private readonly TrainerParams _settings;
    private readonly IProgress<StageProgress> _report;
    private readonly string _checkpointDir;
    private readonly Objective _objective;
    private readonly AdamW _optimiser;
    private readonly OptimiserStep _step;
    private readonly Checkpoints _checkpoints;
    private readonly TrainingRows _rows;
    private readonly Schedule _schedule;
    private MetricsLog? _metrics;
    private EnqueuedStep? _enqueued;
    private int _halvings = 1;

    /// <exception cref="StageException">The settings don't fit the data set.</exception>
    public TrainingRun(LlamaModel model, ParameterSet parameters, InstructionDataset rows, TrainerParams settings, string checkpointDir, IProgress<StageProgress> report)
    {
        (_model, _parameters, _settings, _report, _checkpointDir) = (model, parameters, settings, report, checkpointDir);
        _rows = new TrainingRows(rows, settings);
        _schedule = Schedule.Of(settings, _rows.TotalSteps);
        _objective = new Objective(model, settings.LowMemory);
        _optimiser = new AdamW(parameters, settings.AdamBeta1, settings.AdamBeta2, settings.AdamEpsilon, settings.WeightDecay);
        _step = new OptimiserStep(_objective, parameters, _optimiser, settings.MaxGradNorm);
        _checkpoints = new Checkpoints(checkpointDir, settings.SaveTotalLimit, parameters, _optimiser);
    }

    /// <summary>Rows held out for validation.</summary>
    public IReadOnlyList<int> HeldOut => _rows.HeldOut;

    /// <summary>A line for each logged step.</summary>
    public string MetricsFile => Path.Combine(_checkpointDir, MetricsLog.FileName);

    /// <summary>Trains from the newest checkpoint to the end. Afterwards the parameters are those to keep.</summary>
    public TrainingState Run(CancellationToken cancellationToken)
    {
        var state = _checkpoints.Resume(words => _report.Report(new(Message: words)));
        var log = new RunLog(_report, state);
        log.Begin(_rows, _settings.BatchSize, _parameters.Count, $"on {_model.Device}, arithmetic in {_model.Dtype}, {_objective.Path}");
        var budget = new TokenBudget(state.MicroBatchTokens ?? _settings.MicroBatchTokens ?? _objective.DefaultTokens, _rows.LongestRow, log.Say);
        Preflight.Run(budget, _rows, _objective, _parameters, log.Say);
        var metrics = _metrics = new MetricsLog(_checkpointDir, state.MetricsBytes);
        var ledger = new Ledger(metrics, _settings.LoggingSteps, _rows.StepsPerEpoch, _rows.TotalSteps, _report);

        for (var next = state.Step; next < _rows.TotalSteps && !IsStopped(state); next++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var enqueued = Enqueue(next, budget);
            if (_enqueued is not null)
            {
                state = ledger.Enter(state, Read(), evalLoss: null);
            }
            _enqueued = enqueued;
            var (evaluate, save) = Due(next + 1);
            if (evaluate || save)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var figures = Read();
                double? evalLoss = evaluate ? budget.Run($"Evaluation at step {next + 1}", 1, tokens => Evaluate(tokens, cancellationToken)) : null;
                state = ledger.Enter(state, figures, evalLoss) with { MicroBatchTokens = budget.Tokens };
                Keep(state, save, metrics);
            }
        }
        _checkpoints.Join();
        log.End(state, IsStopped(state));
        if (_settings.LoadBestModelAtEnd && state.BestStep is { } best && best != state.Step)
        {
            _checkpoints.LoadBest(best);
        }
        return state;
    }

    public void Dispose()
    {
        _enqueued?.Dispose();
        _checkpoints.Dispose();
        _metrics?.Dispose(); // after the checkpoints: one that is being written still brings it to the disk
        _objective.Dispose();
        _optimiser.Dispose();
    }

    /// <summary>A step that runs out of memory has changed nothing yet: it is taken again, once in a run, with half the budget.</summary>
    private EnqueuedStep Enqueue(int step, TokenBudget budget)
    {
        var before = budget.Tokens;
        var enqueued = budget.Run($"Step {step + 1}", _halvings, tokens =>
        {
            if (_optimiser.Steps != step)
            {
                throw new StageException($"Step {step + 1}: out of memory inside the optimiser's update. Set low_memory: true, or free the device of other processes; another attempt goes on from the last checkpoint.", transient: true);
            }
            var batches = _rows.Step(step, tokens, _objective.Packed);
            return new EnqueuedStep(step + 1, _step.Run(batches, _schedule.At(step), ((long)_settings.Seed << 32) + step), batches.Sum(batch => batch.RealTokens));
        });
        _halvings -= budget.Tokens < before ? 1 : 0;
        return enqueued;
    }

    /// <exception cref="StageException">The loss or the gradient is not a number.</exception>
    private StepFigures Read()
    {
        using var enqueued = _enqueued!;
        _enqueued = null;
        return enqueued.Read();
    }

    private (bool Evaluate, bool Save) Due(int done)
    {
        var last = done == _rows.TotalSteps;
        return (HeldOut.Count > 0 && (last || done % _settings.EvalSteps == 0), last || done % _settings.SaveSteps == 0);
    }

    private void Keep(TrainingState state, bool save, MetricsLog metrics)
    {
        var best = state.BestStep == state.Step;
        // The last step is followed by the outputs themselves.
        var checkpoint = save && state.Step < _rows.TotalSteps;
        if (best || checkpoint)
        {
            _checkpoints.Save(state, checkpoint, best, metrics);
        }
    }

    private bool IsStopped(TrainingState state) => state.EvaluationsWithoutGain >= _settings.EarlyStoppingPatience;

    /// <summary>Mean over all target tokens of the held-out rows.</summary>
    private double Evaluate(int tokens, CancellationToken cancellationToken)
    {
        double mean = 0;
        _objective.BeginStep(); // the hand-written path computes with a copy of the adapters, which the update before this has left behind
        foreach (var batch in _rows.Validation(tokens, _objective.Packed))
        {
            cancellationToken.ThrowIfCancellationRequested();
            mean += _objective.Loss(batch);
        }
        return double.IsFinite(mean) ? mean : throw new StageException(
            $"The validation loss is {mean.ToString(CultureInfo.InvariantCulture)}: with weights that give no number none of them is the best. Lower learning_rate, or look for broken rows in the data set's preview.md.");
    }
}
