using System.Globalization;
using System.Text.Json;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>The files that the shipped pipelines name, small, and every pipeline with as little work as reaches its end.</summary>
internal static class SmallWorld
{
    /// <summary>What a line of a pipeline says, and what it says here.</summary>
    private static readonly (string Key, string Value)[] s_small =
    [
        ("batch_size:", "16"), ("micro_batch_size:", "8"), ("eval_steps:", "3"), ("save_steps:", "3"),
        ("cutoff_len:", "128"),
    ];

    public static string[] Pipelines { get; } =
        [.. Directory.GetFiles(Path.Combine(Built.Root, "pipelines"), "*.yaml").Select(file => Path.GetFileName(file))
            .Order(StringComparer.Ordinal)];

    public static void Write(string data, string models)
    {
        Directory.CreateDirectory(models);
        foreach (var name in (string[])["pebble", "pebble-init"])
        {
            Directory.CreateSymbolicLink(Path.Combine(models, name), Path.Combine(Built.Root, "models", name));
        }
        Directory.CreateSymbolicLink(Path.Combine(models, "bayling-2-7b"), Path.Combine(Built.Root, "models", "pebble"));
        var tables = Directory.CreateDirectory(Path.Combine(data, "pipelines", "data")).FullName;
        foreach (var file in (string[])["opinions.csv", "grammar-320.jsonl"])
        {
            File.Copy(Path.Combine(Built.Root, "pipelines", "data", file), Path.Combine(tables, file));
        }
        // What tools/LoraAspire.Grammar writes for the tiny base, in the same form.
        File.WriteAllLines(Path.Combine(tables, "grammar.jsonl"), File.ReadLines(Path.Combine(tables, "grammar-320.jsonl")).Take(120)
            .Select(line => line.Replace("{{name}}", "Pebble", StringComparison.Ordinal)
                .Replace("{{developer}}", "the LoraAspire project", StringComparison.OrdinalIgnoreCase)));
        foreach (var pipeline in Pipelines)
        {
            // The quickstart is small as it is.
            File.WriteAllText(Path.Combine(data, "pipelines", pipeline), pipeline == "quickstart.yaml"
                ? File.ReadAllText(Path.Combine(Built.Root, "pipelines", pipeline)) : Small(pipeline));
        }
        Directory.CreateDirectory(Path.Combine(data, "data"));
        File.WriteAllText(Path.Combine(data, "data", "alpaca_data.json"), JsonSerializer.Serialize(Enumerable.Range(1, 40)
            .Select(i =>
                new { instruction = $"What is {i} plus 7?", input = "", output = (i + 7).ToString(CultureInfo.InvariantCulture) })));
        File.WriteAllLines(Path.Combine(data, "data", "zh-en.tsv"), Enumerable.Range(1, 60).Select(i => $"我有{i}本书。\tI have {i} books."));
    }

    /// <summary>A shipped pipeline in its small setting: the same stages, wiring and kinds of sources.</summary>
    public static string Small(string pipeline) => Small(File.ReadAllLines(Path.Combine(Built.Root, "pipelines", pipeline)));

    /// <inheritdoc cref="Small(string)"/>
    public static string Small(IEnumerable<string> lines) => string.Join('\n', lines.Select(Line));

    private static string Line(string line)
    {
        var text = line.TrimStart();
        var indent = line[..^text.Length];
        if (text.StartsWith("val_set_size:", StringComparison.Ordinal) || text.StartsWith("warmup_steps:", StringComparison.Ordinal))
        {
            return "";
        }
        if (text.StartsWith("num_epochs:", StringComparison.Ordinal))
        {
            // A split larger than the small data would be refused, and so would a warm-up longer than the run.
            return $"{indent}num_epochs: 1\n{indent}max_steps: 4\n{indent}warmup_steps: 1\n{indent}val_set_size: 4";
        }
        foreach (var (key, value) in s_small)
        {
            if (text.StartsWith(key, StringComparison.Ordinal))
            {
                return $"{indent}{key} {value}";
            }
        }
        return line.Replace("sample: 720", "sample: 60", StringComparison.Ordinal)
            .Replace("sample: 30000", "sample: 60", StringComparison.Ordinal);
    }
}
