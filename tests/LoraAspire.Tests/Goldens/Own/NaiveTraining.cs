namespace LoraAspire.Tests.Goldens.Own;

/// <summary>A row of ids with its labels; -100 carries no loss.</summary>
internal sealed record NaiveRow(int[] Ids, int[] Labels)
{
    public int Targets => Labels.Skip(1).Count(label => label != -100);
}

/// <summary>How a LoRA is trained: rows by micro-batch and step, linear warm-up and decay, clipping, AdamW without decay.</summary>
/// <param name="MeanOfMeans">As transformers up to 4.45: a micro-batch's mean over its own targets, divided by the accumulation. Else all
/// targets of a step weigh the same.</param>
internal sealed record NaiveRecipe(double LearningRate, int WarmupSteps, int TotalSteps, double MaxGradNorm, int Accumulation,
    bool MeanOfMeans)
{
    public double RateAt(int step) =>
        LearningRate * (step < WarmupSteps ? (double)step / WarmupSteps : (double)(TotalSteps - step) / (TotalSteps - WarmupSteps));
}

internal sealed record NaiveStep(double[] MicroLosses, double Loss, double GradNorm, double LearningRate, double[] Gradient);

/// <summary>LoRA (Hu 2021): W + scale · B·A for each adapted matrix, A [rank, in], B [out, rank].</summary>
internal sealed class NaiveLora(double scale, IReadOnlyList<(string Module, Plain A, Plain B)> layers)
{
    public double Scale => scale;

    public IReadOnlyList<(string Module, Plain A, Plain B)> Layers => layers;

    /// <summary>All its numbers, A before B, layer by layer.</summary>
    public double[] Values => [.. layers.SelectMany(layer => layer.A.Values.Concat(layer.B.Values))];

    public NaiveLora With(double[] values)
    {
        var at = 0;
        Plain Next(Plain of) => of with { Values = values[at..(at += of.Values.Length)] };
        return new(scale, [.. layers.Select(layer => (layer.Module, Next(layer.A), Next(layer.B)))]);
    }

    public Dictionary<string, Num[]> Merged(IReadOnlyDictionary<string, Plain> weights) =>
        Merged(weights, [.. Values.Select(value => (Num)value)]);

    /// <param name="values">This adapter's numbers, which may stand on a tape.</param>
    public Dictionary<string, Num[]> Merged(IReadOnlyDictionary<string, Plain> weights, Num[] values)
    {
        var merged = weights.ToDictionary(weight => weight.Key, weight => weight.Value.Values.Select(value => (Num)value).ToArray());
        var at = 0;
        foreach (var (module, a, b) in layers)
        {
            var (matrix, rank, width) = (merged[module + ".weight"], a.Shape[0], a.Shape[1]);
            var (startA, startB) = (at, at + a.Values.Length);
            for (var i = 0; i < matrix.Length; i++)
            {
                var (row, column) = (i / width, i % width);
                matrix[i] += Num.Sum(Enumerable.Range(0, rank)
                    .Select(r => values[startB + (row * rank) + r] * values[startA + (r * width) + column])) * scale;
            }
            at = startB + b.Values.Length;
        }
        return merged;
    }
}

/// <summary>The optimiser steps of a recipe in float64.</summary>
internal static class NaiveTraining
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    /// <param name="loss">The loss of a row with these weights.</param>
    public static (NaiveLora Final, List<NaiveStep> Steps) Run(
        NaiveLora lora, IReadOnlyDictionary<string, Plain> weights, NaiveRecipe recipe, IReadOnlyList<NaiveRow[][]> batches,
        Func<Dictionary<string, Num[]>, NaiveRow, Num> loss)
    {
        var values = lora.Values;
        double[] first = new double[values.Length], second = new double[values.Length];
        List<NaiveStep> steps = [];
        for (var step = 0; step < recipe.TotalSteps; step++)
        {
            var (micro, gradient) = Backward(lora, values, weights, recipe, batches[step], loss);
            var norm = Math.Sqrt(gradient.Sum(g => g * g));
            var clip = recipe.MaxGradNorm > 0 ? Math.Min(1, recipe.MaxGradNorm / (norm + 1e-6)) : 1;
            var rate = recipe.RateAt(step);
            for (var i = 0; i < values.Length; i++)
            {
                var g = gradient[i] * clip;
                first[i] = (Beta1 * first[i]) + ((1 - Beta1) * g);
                second[i] = (Beta2 * second[i]) + ((1 - Beta2) * g * g);
                var root = Math.Sqrt(second[i] / (1 - Math.Pow(Beta2, step + 1)));
                values[i] -= rate * first[i] / (1 - Math.Pow(Beta1, step + 1)) / (root + Epsilon);
            }
            steps.Add(new(micro, recipe.MeanOfMeans ? micro.Sum() / recipe.Accumulation : micro.Sum(), norm, rate, gradient));
        }
        return (lora.With(values), steps);
    }

    private static (double[] MicroLosses, double[] Gradient) Backward(NaiveLora lora, double[] values,
        IReadOnlyDictionary<string, Plain> weights,
        NaiveRecipe recipe, NaiveRow[][] batches, Func<Dictionary<string, Num[]>, NaiveRow, Num> loss)
    {
        using var tape = Tape.Start();
        var variables = values.Select(tape.Variable).ToArray();
        var merged = lora.Merged(weights, variables);
        var all = batches.Sum(batch => batch.Sum(row => row.Targets));
        var micro = batches.Select(batch =>
            Num.Sum(batch.Select(row => loss(merged, row))) / (recipe.MeanOfMeans ? batch.Sum(row => row.Targets) : all)).ToArray();
        var gradient = tape.Gradient(Num.Sum(micro) / (recipe.MeanOfMeans ? recipe.Accumulation : 1));
        return ([.. micro.Select(one => one.Value)], [.. variables.Select(variable => gradient[variable.Node])]);
    }
}
