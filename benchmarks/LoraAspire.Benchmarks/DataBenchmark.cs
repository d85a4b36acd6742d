using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.DataBuild;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Benchmarks;

/// <summary>
/// Data-build's own stage on Alpaca-52K, the Chinese-English corpora and self-cognition records with the Llama-2 tokenizer: read, put into
/// templates, tokenise, check, compare with alpaca-lora's rows, write. The floor is the tokenizer alone, over the same texts in the same
/// process with its caches empty, on all cores, in turn with the stage; <c>ratio</c> is the floor's time over the stage's. Then a data set
/// of a million rows is written and opened.
/// </summary>
internal static class DataBenchmark
{
    private static readonly string[] Corpora = ["tatoeba.zh-en.tsv", "debian-docs.zh-en.tsv.gz", "gettext-ui.zh-en.tsv.gz",
        "gnome-help.zh-en.tsv.gz", "libreoffice-help.zh-en.tsv.gz"];

    public static Command Command()
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Holds instruct/alpaca_data.json.gz, parallel/*.zh-en.tsv and "
            + "tokenizers/llama2.",
            DefaultValueFactory = _ => new DirectoryInfo("../shared/data")
        };
        var rounds = new Option<int>("--rounds") { Description = "Rounds of both.", DefaultValueFactory = _ => 3 };
        var command = new Command("data",
            "Seconds from raw files to a tokenised data set; the tokenizer's share of them; the time to open a million rows.")
        {
            data, rounds,
        };
        command.SetAction(parsed => RunAsync(parsed.GetValue(data)!.FullName, parsed.GetValue(rounds)));
        return command;
    }

    private static async Task RunAsync(string data, int rounds)
    {
        var tokenizer = Path.Combine(data, "tokenizers", "llama2");
        var folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            var with = new DataBuildParams
            {
                PromptTemplateName = "bayling",
                CutoffLen = 512,
                TrainOnInputs = false,
                Truncation = Truncation.Drop,
                Sources =
                [
                    new AlpacaSource { Path = "instruct/alpaca_data.json.gz" },
                    .. Corpora.Select(file => new ParallelSource { Path = $"parallel/{file}", SrcLang = "Chinese", TgtLang = "English" }),
                    new SelfCognitionSource { Name = "雁栖-7B", Developer = "助教", Abilities = ["翻译", "问答"] },
                ],
            };
            var (seconds, built) = await BuildAsync(with, data, tokenizer, Path.Combine(folder, "1"));
            // Before the floor's texts are in memory.
            var peak = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6;

            using var rows = InstructionDataset.Open(built);
            var tokens = Enumerable.Range(0, rows.Count).Sum(row => (long)rows.Length(row));
            var texts = Texts(tokenizer, rows);
            InTurn turns = new();
            turns.Add(seconds, TokenizerAlone(tokenizer, texts));
            for (var round = 2; round <= rounds; round++)
            {
                var again = Path.Combine(folder, $"{round}");
                var (took, _) = await BuildAsync(with, data, tokenizer, again);
                turns.Add(took, TokenizerAlone(tokenizer, texts));
                Directory.Delete(again, recursive: true);
            }
            seconds = turns.Work;
            var (alone, ratio) = (turns.Reference, turns.OfReference.Rounded());
            var (million, opened) = OpenMillion(Path.Combine(folder, "million"), rows);
            Console.WriteLine($"{rows.Count:N0} rows, {tokens:N0} tokens in {seconds:F2} s: {rows.Count / seconds:N0} "
                + $"rows/s, {tokens / seconds:N0} tokens/s; peak {peak:N0} MB; {Environment.ProcessorCount} cores");
            Console.WriteLine($"the tokenizer alone needs {alone:F2} s for the same texts, ratio {ratio}; a data set "
                + $"of {million:N0} rows opens in {opened:F1} ms");
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "data",
                device = "cpu",
                seconds,
                rows = rows.Count,
                tokens,
                rows_per_second = rows.Count / seconds,
                tokens_per_second = tokens / seconds,
                peak_mb = peak,
                tokenizer_seconds = alone,
                open_rows = million,
                open_ms = opened,
                ratio = ratio.Median,
                ratio_least = ratio.Least,
                ratio_most = ratio.Most,
            }));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <returns>The stage's seconds, and the folder of what it built.</returns>
    private static async Task<(double Seconds, string Built)> BuildAsync(DataBuildParams with, string data, string tokenizer, string folder)
    {
        Directory.CreateDirectory(folder);
        StageContext<DataBuildParams> context = new(with, new Dictionary<string, string> { ["base"] = tokenizer },
            new DataRoot(data), folder, folder, new Progress<StageProgress>());
        var clock = Stopwatch.StartNew();
        await new DataBuildStage().RunAsync(context, CancellationToken.None);
        return (clock.Elapsed.TotalSeconds, context.OutputDir("dataset"));
    }

    /// <summary>Prompt and answer of every row.</summary>
    private static List<(string Prompt, string Answer)> Texts(string folder, InstructionDataset rows)
    {
        var decoder = HfTokenizer.Load(folder);
        return [.. Enumerable.Range(0, rows.Count).Select(row =>
        {
            var border = rows.Labels(row).IndexOfAnyExcept(InstructionDataset.NoLoss);
            return (decoder.Decode(rows.InputIds(row)[..border]), decoder.Decode(rows.InputIds(row)[border..]));
        })];
    }

    /// <summary>Seconds to encode prompt and answer of every row with a tokenizer that has seen nothing yet.</summary>
    private static double TokenizerAlone(string folder, List<(string Prompt, string Answer)> texts)
    {
        var fresh = HfTokenizer.Load(folder);
        var clock = Stopwatch.StartNew();
        var count = texts.AsParallel()
            .Sum(text => (long)fresh.Encode(text.Prompt, addBos: true).Length + fresh.EncodeContinuation(text.Answer).Length);
        return count > 0 ? clock.Elapsed.TotalSeconds : throw new InvalidOperationException("nothing was encoded");
    }

    private static (int Rows, double Milliseconds) OpenMillion(string folder, InstructionDataset rows)
    {
        const int million = 1_000_000;
        Directory.CreateDirectory(folder);
        using (InstructionDatasetWriter writer = new(folder))
        {
            for (var row = 0; row < million; row++)
            {
                var from = row % rows.Count;
                writer.Add(rows.InputIds(from), rows.Labels(from), "million", row, row + 1);
            }
            writer.Complete();
        }
        var clock = Stopwatch.StartNew();
        using var opened = InstructionDataset.Open(folder);
        var last = opened.InputIds(opened.Count - 1).Length;
        return last > 0 ? (opened.Count, clock.Elapsed.TotalMilliseconds) : throw new InvalidOperationException("the last row is empty");
    }
}
