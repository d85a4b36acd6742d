using System.Globalization;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Card;
using LoraAspire.Trainer.Ranks;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// The training loop: steps, evaluation, checkpoints. What it trains (adapter or whole model) is in the parameter set. A step's figures are
/// read when the next one is under way, so that the device never waits for the host; before an evaluation or a checkpoint they are read at
/// once, so that nothing is kept of a run gone wrong.
/// </summary>
internal sealed class TrainingRun : IDisposable
{
    /// <summary>So long a run that is asked to stop may take to save what it has.</summary>
    private static readonly TimeSpan SavingLimit = TimeSpan.FromSeconds(5);

    private readonly LlamaModel _model;
    private readonly ParameterSet _parameters;
    private readonly TrainerParams _settings;
    private readonly IProgress<StageProgress> _report;
    private readonly string _checkpointDir;
    private readonly Objective _objective;
    private readonly AdamW _optimiser;
    private readonly DeviceGroup _devices;
    private readonly DeviceWork _work;
    private readonly Checkpoints _checkpoints;
    private readonly TrainingRows _rows;
    private readonly Schedule _schedule;
    private SampledSteps? _samples;
    private TrainingState _state = TrainingState.Start;
    private EnqueuedStep? _enqueued;
    private int _halvings = 1;

    /// <param name="devices">Those that share the run; null is this one alone.</param>
    /// <exception cref="StageException">The settings don't fit the data set.</exception>
    public TrainingRun(LlamaModel model, ParameterSet parameters, InstructionDataset rows, TrainerParams settings, string checkpointDir,
        IProgress<StageProgress> report, DeviceGroup? devices = null)
    {
        _devices = devices ?? DeviceGroup.Alone;
        (_model, _parameters, _settings, _report, _checkpointDir) = (model, parameters, settings, report, checkpointDir);
        _rows = new TrainingRows(rows, settings);
        if (settings.KeepCheckpoints && _rows.TotalSteps <= settings.SaveSteps)
        {
            throw new StageException($"keep_checkpoints is set, and none is written: the run ends at step {_rows.TotalSteps}, and "
                + $"save_steps is {settings.SaveSteps}. Lower save_steps.");
        }
        _schedule = Schedule.Of(settings, _rows.TotalSteps);
        _objective = new Objective(model, settings.LowMemory, wholeType: ModelInTraining.AskedType(settings));
        _optimiser = new AdamW(parameters, settings.AdamBeta1, settings.AdamBeta2, settings.AdamEpsilon, settings.WeightDecay);
        _work = new DeviceWork(_devices, _rows, _objective, parameters, _optimiser,
            new OptimiserStep(_objective, parameters, _optimiser, settings.MaxGradNorm, _devices), _schedule, settings.Seed);
        _checkpoints = new Checkpoints(checkpointDir, settings.SaveTotalLimit, IsKept, parameters, _optimiser, _objective.Scale);
    }

    /// <summary>Rows held out for validation.</summary>
    public IReadOnlyList<int> HeldOut => _rows.HeldOut;

    /// <summary>Asked at steps of the run, where <c>sample_answers</c> wants it; null asks nothing.</summary>
    public Samples? Samples { get; set; }

    /// <summary>What was answered; null where nothing was asked.</summary>
    public string? SamplesFile => Path.Combine(_checkpointDir, TrainingSample.FileName) is var file && _settings.SampleAnswers
        && File.Exists(file) ? file : null;

    /// <summary>A line for each logged step.</summary>
    public string MetricsFile => Path.Combine(_checkpointDir, MetricsLog.FileName);

    /// <inheritdoc cref="Checkpoints.Kept"/>
    public int KeptCheckpoints => _checkpoints.Kept;

    /// <inheritdoc cref="Checkpoints.Each"/>
    public void EachCheckpoint(Action<int> use) => _checkpoints.Each(use, words => _report.Report(new(Message: words)));

    /// <summary>Trains from the newest checkpoint to the end. Afterwards the parameters are those to keep.</summary>
    /// <exception cref="OperationCanceledException">Asked for; what was done is kept first, when that takes no more than a
    /// moment.</exception>
    public TrainingState Run(CancellationToken cancellationToken)
    {
        using var working = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _devices.Broken);
        try
        {
            return Run(cancellationToken, working.Token);
        }
        catch (Exception error) when (error is not StageException && _devices.Broken.IsCancellationRequested)
        {
            _devices.ThrowIfBroken();
            throw;
        }
    }

    /// <summary>On the device of another rank: does what rank 0 says, to the end of the run.</summary>
    public void Follow() => _work.Follow();

    /// <param name="asked">That the run shall stop.</param>
    /// <param name="working">That, or another device is gone.</param>
    private TrainingState Run(CancellationToken asked, CancellationToken working)
    {
        _state = _checkpoints.Resume(words => _report.Report(new(Message: words)));
        var log = new RunMessages(_report, _state);
        log.Begin(_rows, _settings.BatchSize, _parameters.Count, $"on {On}, arithmetic in {_objective.Dtype}, "
            + $"{(_model.HeldIn is { } held ? $"the base in {held.Word()}, " : "")}{_objective.Path}");
        var budget =
            new TokenBudget(_state.MicroBatchTokens ?? _settings.MicroBatchTokens ?? _objective.DefaultTokensOn(_devices.Share.Count),
                _rows.LongestRow, log.Say);
        log.Shared(_rows.Step(0, budget.Tokens, _objective, _devices.Share).Own);
        using var metrics = new MetricsLog(_checkpointDir, _state.MetricsBytes);
        _samples = new(_settings.SampleAnswers ? Samples : null, new(_checkpointDir, _state.Step), _settings.EvalSteps, _rows.TotalSteps,
            _report);
        var ledger = new Ledger(metrics, _settings.LoggingSteps, _rows.StepsPerEpoch, _rows.TotalSteps, _report);
        try
        {
            _work.Synchronise(_state.Updates);
            Preflight.Run(budget, _work, log.Say, working);
            if (_state.Updates == 0)
            {
                _samples.Look(0, working);
            }
            Train(budget, metrics, ledger, working);
            _work.End();
            _checkpoints.Join();
        }
        catch (OperationCanceledException) when (asked.IsCancellationRequested && !_devices.Broken.IsCancellationRequested)
        {
            KeepWhatIsDone(budget, metrics, ledger, log);
            throw;
        }
        finally
        {
            _devices.Return();
            // A checkpoint that is being written still brings the metrics to the disk.
            _checkpoints.Dispose();
        }
        log.End(_state, IsStopped(_state));
        if (_settings.LoadBestModelAtEnd && _state.BestStep is { } best && best != _state.Step)
        {
            _checkpoints.LoadBest(best);
        }
        return _state;
    }

    private void Train(TokenBudget budget, MetricsLog metrics, Ledger ledger, CancellationToken cancellationToken)
    {
        if (_state.Pending is not null)
        {
            Settle(budget, metrics, ledger, cancellationToken);
        }
        for (var next = _state.Step; next < _rows.TotalSteps && !IsStopped(_state); next++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var enqueued = Enqueue(next, budget, cancellationToken);
            if (_enqueued is not null)
            {
                _state = ledger.Enter(_state, Read(), evalLoss: null);
            }
            _enqueued = enqueued;
            if (IsEvaluated(next + 1) || IsKept(next + 1) || next + 1 == _rows.TotalSteps)
            {
                _state = _state with { Pending = Read() };
                Settle(budget, metrics, ledger, cancellationToken);
            }
        }
    }

    /// <summary>The evaluation and the checkpoint that are due after the step whose figures are pending.</summary>
    private void Settle(TokenBudget budget, MetricsLog metrics, Ledger ledger, CancellationToken cancellationToken)
    {
        var figures = _state.Pending!;
        double? evalLoss = IsEvaluated(figures.Step)
            ? budget.Run($"Evaluation at step {figures.Step}", 1, tokens => Evaluate(tokens, cancellationToken)) : null;
        if (evalLoss is not null)
        {
            _samples!.Look(figures.Step, cancellationToken);
        }
        _state = ledger.Enter(_state with { Pending = null }, figures, evalLoss) with { MicroBatchTokens = budget.Tokens };
        Keep(_state, metrics);
    }

    /// <summary>A run that is asked to stop keeps its steps, when that takes no more than a moment, and says how many.</summary>
    private void KeepWhatIsDone(TokenBudget budget, MetricsLog metrics, Ledger ledger, RunMessages log)
    {
        var why = $"a checkpoint can't be written within {SavingLimit.TotalSeconds:0} s";
        try
        {
            if (_enqueued is not null)
            {
                _state = ledger.Enter(_state, Read(), evalLoss: null);
            }
            _state = _state with { MicroBatchTokens = budget.Tokens };
            if (_state.Updates > 0)
            {
                log.Saving(_state.Updates, _rows.TotalSteps);
                _checkpoints.TrySave(_state, metrics, SavingLimit);
            }
        }
        catch (Exception error) when (error is StageException or IOException or UnauthorizedAccessException)
        {
            why = error.Message;
        }
        log.Stopped(_state.Updates, _checkpoints.Newest, why);
    }

    public void Dispose()
    {
        _enqueued?.Dispose();
        _checkpoints.Dispose();
        _objective.Dispose();
        _optimiser.Dispose();
    }

    /// <summary>A step that runs out of memory has changed nothing yet: it is taken again, once in a run, with half the budget.</summary>
    private EnqueuedStep Enqueue(int step, TokenBudget budget, CancellationToken cancellationToken)
    {
        var before = budget.Tokens;
        var enqueued = budget.Run($"Step {step + 1}", _halvings, tokens =>
        {
            if (_optimiser.Steps != step)
            {
                throw new StageException($"Step {step + 1}: out of memory inside the optimiser's update. Set low_memory: true, or free "
                    + "the device of other processes; another attempt goes on from the last checkpoint.", transient: true);
            }
            return _work.Step(step, tokens, cancellationToken);
        });
        _halvings -= budget.Tokens < before ? 1 : 0;
        return enqueued;
    }

    /// <exception cref="StageException">The loss or the gradient is not a number.</exception>
    private StepFigures Read()
    {
        using var enqueued = _enqueued!;
        _enqueued = null;
        try
        {
            return enqueued.Read();
        }
        finally
        {
            _devices.ThrowIfBroken();
        }
    }

    private bool IsEvaluated(int step) => HeldOut.Count > 0 && (step % _settings.EvalSteps == 0 || step == _rows.TotalSteps);

    /// <summary>The last step is followed by the outputs themselves.</summary>
    private bool IsKept(int step) => step % _settings.SaveSteps == 0 && step < _rows.TotalSteps;

    private void Keep(TrainingState state, MetricsLog metrics)
    {
        var (checkpoint, best) = (IsKept(state.Step), state.BestStep == state.Step);
        if (best || checkpoint)
        {
            _checkpoints.Save(state, checkpoint, best, metrics);
        }
    }

    private string On => _devices.Share.Count == 1 ? $"{_model.Device}" : $"{_devices.Share.Count} devices ({_model.Device.type})";

    private bool IsStopped(TrainingState state) => state.EvaluationsWithoutGain >= _settings.EarlyStoppingPatience;

    /// <summary>Mean over all target tokens of the held-out rows.</summary>
    private double Evaluate(int tokens, CancellationToken cancellationToken)
    {
        var mean = _work.ValidationLoss(tokens, cancellationToken);
        return double.IsFinite(mean) ? mean : throw new StageException(
            $"The validation loss is {mean.ToString(CultureInfo.InvariantCulture)}: with weights that give no number none of them is the "
                + "best. Lower learning_rate, or look for broken rows in the data set's preview.md.");
    }
}
