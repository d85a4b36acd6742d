using System.Diagnostics;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>The training loop: steps, evaluation, checkpoints, progress. What it trains (adapter or whole model) is in the parameter set.</summary>
public sealed class TrainingRun(
    LlamaModel model, ParameterSet parameters, InstructionDataset rows, TrainerParams settings, string checkpointDir, IProgress<StageProgress> report) : IDisposable
{
    private readonly AdamW _optimiser = new(parameters, settings.AdamBeta1, settings.AdamBeta2, settings.AdamEpsilon, settings.WeightDecay);

    private readonly Objective _objective = new(model, settings.LowMemory);

    /// <summary>Trains from the newest checkpoint to the end. Afterwards the parameters are those to keep.</summary>
    public TrainingState Run(CancellationToken cancellationToken)
    {
        var (training, validation) = Split();
        var sampler = new Sampler([.. training.Select(rows.Length)], settings.BatchSize, settings.GroupByLength, settings.Seed);
        var totalSteps = settings.MaxSteps ?? settings.NumEpochs * sampler.StepsPerEpoch;
        var schedule = Schedule.Of(settings, totalSteps);
        var step = new OptimiserStep(_objective, parameters, _optimiser, settings.MaxGradNorm);
        var checkpoints = new Checkpoints(checkpointDir, settings.SaveTotalLimit, parameters, _optimiser);
        var state = checkpoints.Resume();
        Announce(state, training.Length, validation.Length, totalSteps);

        var speed = new Speedometer();
        while (state.Step < totalSteps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var batches = MicroBatches([.. sampler.Rows(state.Step).Select(row => training[row])]);
            using var result = step.Run(batches, schedule.At(state.Step), Seed(state.Step));
            var done = state.Step + 1;
            var metrics = new StepMetrics(done, (double)done / sampler.StepsPerEpoch, result.ReadMicroLosses().Sum(), result.LearningRate, result.ReadGradNorm(), null);
            RequireFinite(metrics);
            speed.Add(batches.Sum(batch => batch.RealTokens));
            if (validation.Length > 0 && (done % settings.EvalSteps == 0 || done == totalSteps))
            {
                metrics = metrics with { EvalLoss = Evaluate(validation, cancellationToken) };
            }
            state = state with { Step = done, Metrics = [.. state.Metrics, metrics] };
            if (metrics.EvalLoss is { } evalLoss && evalLoss < (state.BestEvalLoss ?? double.PositiveInfinity))
            {
                state = state with { BestStep = done, BestEvalLoss = evalLoss };
                checkpoints.SaveBest(done);
            }
            if (done % settings.SaveSteps == 0 && done < totalSteps)
            {
                checkpoints.Save(state);
            }
            report.Report(new StageProgress("step", done, totalSteps, metrics.Loss, metrics.EvalLoss, metrics.LearningRate, metrics.GradNorm, metrics.Epoch,
                speed.TokensPerSecond, speed.SecondsPerStep * (totalSteps - done)));
        }
        if (settings.LoadBestModelAtEnd && state.BestStep is { } best)
        {
            checkpoints.LoadBest(best);
        }
        return state;
    }

    public void Dispose()
    {
        _objective.Dispose();
        _optimiser.Dispose();
    }

    /// <summary>Held-out rows are drawn by the seed; both parts stay in the data set's order.</summary>
    private (int[] Training, int[] Validation) Split()
    {
        if (settings.ValSetSize >= rows.Count)
        {
            throw new StageException($"val_set_size is {settings.ValSetSize}, but the data set has {rows.Count} rows. Lower val_set_size, or set it to 0.");
        }
        var order = Enumerable.Range(0, rows.Count).ToArray();
        new Random(settings.Seed).Shuffle(order);
        int[] Sorted(int[] part)
        {
            Array.Sort(part);
            return part;
        }
        return (Sorted(order[settings.ValSetSize..]), Sorted(order[..settings.ValSetSize]));
    }

    private IReadOnlyList<MicroBatch> MicroBatches(int[] step) =>
        MicroBatch.Cut(MicroBatch.Weigh([.. step.Select(Row)], settings.Compat, settings.BatchSize, settings.MicroBatchSize), TokenBudget, _objective.Packed);

    private int TokenBudget => settings.MicroBatchTokens ?? _objective.DefaultTokens;

    /// <summary>Mean over all target tokens of the held-out rows.</summary>
    private double Evaluate(int[] validation, CancellationToken cancellationToken)
    {
        var weighed = MicroBatch.Weigh([.. validation.Select(Row)], Compat.None, validation.Length, validation.Length);
        double mean = 0;
        foreach (var batch in MicroBatch.Cut(weighed, TokenBudget, _objective.Packed))
        {
            cancellationToken.ThrowIfCancellationRequested();
            mean += _objective.Loss(batch);
        }
        return mean;
    }

    private (int[] InputIds, int[] Labels) Row(int row) => (rows.InputIds(row).ToArray(), rows.Labels(row).ToArray());

    private long Seed(int step) => ((long)settings.Seed << 32) + step;

    private void Announce(TrainingState state, int training, int validation, int totalSteps)
    {
        report.Report(new StageProgress(Message:
            $"{training} rows to train on, {validation} held out; {totalSteps} steps of {settings.BatchSize} rows; {parameters.Count:N0} trained parameters on {model.Device}, arithmetic in {model.Dtype}, {_objective.Path}."));
        if (state.Step > 0)
        {
            report.Report(new StageProgress(Message: $"Going on from the checkpoint of step {state.Step}."));
        }
    }

    private static void RequireFinite(StepMetrics metrics)
    {
        if (!double.IsFinite(metrics.Loss) || !double.IsFinite(metrics.GradNorm))
        {
            throw new StageException($"Step {metrics.Step}: the loss is {metrics.Loss}, the gradient's norm {metrics.GradNorm}. Training can't go on from there: lower learning_rate, or look for broken rows in the data set's preview.md.");
        }
    }

    /// <summary>Speed over the last steps of this process.</summary>
    private sealed class Speedometer
    {
        private const int Window = 20;
        private readonly Queue<(long At, long Tokens)> _steps = new([(Stopwatch.GetTimestamp(), 0)]);

        public void Add(long tokens)
        {
            _steps.Enqueue((Stopwatch.GetTimestamp(), tokens));
            if (_steps.Count > Window)
            {
                _steps.Dequeue();
            }
        }

        public double TokensPerSecond => _steps.Skip(1).Sum(step => step.Tokens) / Seconds;

        public double SecondsPerStep => Seconds / (_steps.Count - 1);

        private double Seconds => Stopwatch.GetElapsedTime(_steps.Peek().At, _steps.Last().At).TotalSeconds;
    }
}
