using System.CommandLine;
using System.Globalization;
using System.Text;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Machine.Gpu;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Cli;

/// <summary>What training a base would take and whether it fits, from its config.json alone: nothing is loaded, and nothing runs.</summary>
internal static class FitCommand
{
    private const double Gib = 1 << 30;

    private static readonly BaseFormat[] s_formats = Enum.GetValues<BaseFormat>();

    public static Command Create()
    {
        Option<string> model = new("--base") { Description = "A model of the models folder by its name, or a folder", Required = true };
        Option<string?> memory = new("--gpu-memory") { Description = "Of the card, as 24GiB; this machine's first GPU otherwise" };
        Option<int> rank = new("--lora-r") { Description = "Rank of the adapter", DefaultValueFactory = _ => 8 };
        Option<string[]> targets = new("--lora-target-modules")
        {
            Description = "Layers that get adapters",
            DefaultValueFactory = _ => ["q_proj", "v_proj"],
            AllowMultipleArgumentsPerToken = true,
        };
        Option<bool> single = new("--no-double-quant") { Description = "nf4 with scales in float32" };
        Option<bool> json = JsonScreen.Option();
        Command command = new("fit", "Show which base_type, low_memory and micro_batch_tokens of a trainer fit a GPU, and what they cost.")
        {
            model, memory, rank, targets, single, json,
        };
        command.SetAction(parsed =>
        {
            var config = ModelConfig.Load(FoundBase.Folder(parsed.GetRequiredValue(model), App.Folders));
            var r = parsed.GetRequiredValue(rank) is > 0 and <= 65_536 and var given ? given
                : throw new CliException("--lora-r is 1 to 65536.", ExitCode.Usage);
            FitWork work = new(config, new LoraConfig(r, 2 * r, 0, parsed.GetRequiredValue(targets)), !parsed.GetValue(single));
            if (Footprint.Trained(work) == 0)
            {
                throw new CliException($"--lora-target-modules: no layer is called so. There are q_proj, k_proj, v_proj, o_proj, "
                    + $"gate_proj, up_proj, down_proj, and {AdapterConfig.AllLinear}.");
            }
            var bytes = parsed.GetValue(memory) is { } text ? Bytes(text) : OfThisMachine();
            // What is quantised in its files stays so.
            var table = FitTable.Of(work, bytes, config.Quantised is { } own ? [own] : s_formats);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(Json(work, bytes, table));
            }
            else
            {
                Console.Write(Text(work, bytes, table));
            }
            return 0;
        });
        return command;
    }

    /// <summary>24GiB, 24GB, or 24, which are GiB.</summary>
    /// <exception cref="CliException">It is none of these.</exception>
    internal static long Bytes(string text)
    {
        var number = text.TrimEnd('i', 'B', 'b', 'G', 'g', ' ');
        var unit = text[number.Length..].Trim().ToLowerInvariant();
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var size) && size is > 0 and < 1e6
            && unit is "" or "gib" or "gb" or "g"
            ? (long)(size * (unit == "gb" ? 1e9 : Gib))
            : throw new CliException($"--gpu-memory: '{text}' is no size of a card: write it as 24GiB.", ExitCode.Usage);
    }

    private static long OfThisMachine() => Gpus.Open(out var why) is not { } gpus
        ? throw new CliException($"{why} Give --gpu-memory.", ExitCode.Lacking)
        : gpus.Read().FirstOrDefault()?.MemoryTotal
            ?? throw new CliException("This machine's GPU doesn't tell its memory. Give --gpu-memory.", ExitCode.Lacking);

    private static string Text(FitWork work, long memory, FitTable table)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"{work.Config.ModelType}, {work.Config.NumHiddenLayers} layers of "
            + $"{work.Config.HiddenSize}; {Footprint.Trained(work):N0} trained weights; {memory / Gib:0.0} GiB of memory");
        text.AppendLine("base_type  low_memory  micro_batch_tokens      GiB  fits  speed");
        foreach (var row in table.Shown)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{row.Format.Word(),-9}  {Word(row.Recompute),-10}  {row.Tokens,18}  "
                + $"{row.Memory.Total / Gib,7:0.0}  {(row.Fits ? "yes" : "no"),-4}  {row.Speed,5:0%}");
        }
        text.AppendLine("speed is that of bf16 with micro-batches of 8192 tokens, on a card that has the room; fp8 needs compute "
            + "capability 8.9.");
        return text.AppendLine(table.Fastest() is { } best ? $"Fastest that fits: {Yaml(best)}"
            : "Nothing fits: a smaller base, or a card with more memory, is needed.").ToString();
    }

    private static object Json(FitWork work, long memory, FitTable table) => new
    {
        memory_bytes = memory,
        trained_weights = Footprint.Trained(work),
        fastest = table.Fastest() is { } best ? Row(best) : null,
        rows = table.All.Select(Row),
    };

    private static object Row(FitRow row) => new
    {
        base_type = row.Format.Word(),
        low_memory = row.Recompute,
        micro_batch_tokens = row.Tokens,
        bytes = row.Memory.Total,
        parts = new
        {
            weights = row.Memory.Weights,
            ends = row.Memory.Ends,
            adapters = row.Memory.Adapters,
            buffer = row.Memory.Buffer,
            kept = row.Memory.Kept,
            passing = row.Memory.Passing,
            process = row.Memory.Process,
        },
        fits = row.Fits,
        speed = Math.Round(row.Speed, 3),
    };

    private static string Yaml(FitRow row) => $"base_type: {row.Format.Word()}, low_memory: {Word(row.Recompute)}, "
        + $"micro_batch_tokens: {row.Tokens}";

    private static string Word(bool value) => value ? "true" : "false";
}
