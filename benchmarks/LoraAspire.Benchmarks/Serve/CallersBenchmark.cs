using System.CommandLine;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using LoraAspire.Machine;
using LoraAspire.Runtime;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>
/// The chat service in a process of its own and many callers that stream from it, one question after another: errors, the time to the first
/// piece, tokens in all, and the service's resident memory from the first minute on. <c>ratio</c> is the last memory over that one.
/// </summary>
internal static class CallersBenchmark
{
    private const int Tokens = 48;
    private static readonly TimeSpan s_settled = TimeSpan.FromMinutes(1), s_pause = TimeSpan.FromSeconds(5);

    public static Command Command()
    {
        var callers = new Option<int>("--callers") { Description = "At once.", DefaultValueFactory = _ => 200 };
        var seconds = new Option<int>("--seconds") { Description = "How long.", DefaultValueFactory = _ => 300 };
        var command = new Command("callers", "Streaming callers of the chat service on the tiny base.") { callers, seconds };
        command.SetAction((parsed, cancellationToken) =>
            RunAsync(parsed.GetValue(callers), TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int callers, TimeSpan time, CancellationToken cancellationToken)
    {
        var address = $"http://127.0.0.1:{Ports.Free(1)[0]}";
        var root = LoraPaths.Checkout() ?? throw new DirectoryNotFoundException("Not in a checkout.");
        using var service = Start(address, Path.Combine(root, "models"));
        try
        {
            using HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = callers + 1 })
            {
                BaseAddress = new(address),
                Timeout = Timeout.InfiniteTimeSpan,
            };
            await ReadyAsync(http, service, cancellationToken);
            await AskAsync(http, 0, cancellationToken); // loads the model
            List<(double First, int Tokens)> answers = [];
            List<string> errors = [];
            SortedDictionary<int, double> resident = [];
            var start = Stopwatch.GetTimestamp();
            async Task CallAsync(int caller)
            {
                for (var i = 0; Stopwatch.GetElapsedTime(start) < time; i++)
                {
                    try
                    {
                        var answer = await AskAsync(http, (caller * 1000) + i, cancellationToken);
                        lock (answers)
                        {
                            answers.Add(answer);
                        }
                    }
                    catch (Exception error) when (error is HttpRequestException or IOException or JsonException)
                    {
                        lock (answers)
                        {
                            errors.Add(error.Message);
                        }
                    }
                }
            }
            var calling = Task.WhenAll(Enumerable.Range(1, callers).Select(CallAsync));
            while (await Task.WhenAny(calling, Task.Delay(s_pause, cancellationToken)) != calling)
            {
                service.Refresh();
                resident[(int)Stopwatch.GetElapsedTime(start).TotalSeconds] = service.WorkingSet64 / 1e6;
            }
            await calling;
            Print(callers, Stopwatch.GetElapsedTime(start), answers, errors, resident);
            return errors.Count == 0 ? 0 : 1;
        }
        finally
        {
            service.Kill(entireProcessTree: true);
        }
    }

    private static void Print(int callers, TimeSpan time, List<(double First, int Tokens)> answers, List<string> errors,
        SortedDictionary<int, double> resident)
    {
        var first = answers.Select(answer => answer.First).Order().ToList();
        var settled = resident.Where(at => at.Key >= Math.Min(s_settled.TotalSeconds, time.TotalSeconds / 2))
            .Select(at => at.Value).ToList();
        errors.Distinct().Take(5).ToList().ForEach(Console.WriteLine);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            name = "serve callers",
            device = "cpu",
            callers,
            seconds = time.TotalSeconds,
            answers = answers.Count,
            errors = errors.Count,
            tokens_per_s = answers.Sum(answer => answer.Tokens) / time.TotalSeconds,
            first_piece_p50_s = At(first, 0.5),
            first_piece_p99_s = At(first, 0.99),
            rss_mb = resident,
            rss_spread_mb = settled.DefaultIfEmpty(0).Max() - settled.DefaultIfEmpty(0).Min(),
            ratio = settled.Count == 0 ? 1 : settled[^1] / settled[0],
        }));
    }

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? 0 : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];

    /// <returns>Seconds to the first piece, and the answer's tokens.</returns>
    private static async Task<(double First, int Tokens)> AskAsync(HttpClient http, int seed, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = JsonContent.Create(new
            {
                model = "pebble",
                messages = new[] { new { role = "user", content = $"Tell me about number {seed}." } },
                max_tokens = Tokens,
                temperature = 1,
                seed,
                stream = true,
                stream_options = new { include_usage = true },
            }),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync(cancellationToken));
        var (first, tokens) = (-1.0, 0);
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
            {
                continue;
            }
            first = first < 0 ? Stopwatch.GetElapsedTime(start).TotalSeconds : first;
            using var chunk = JsonDocument.Parse(line["data: ".Length..]);
            if (chunk.RootElement.TryGetProperty("error", out var error))
            {
                throw new IOException(error.ToString());
            }
            tokens = chunk.RootElement.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object
                ? usage.GetProperty("completion_tokens").GetInt32() : tokens;
        }
        return first < 0 ? throw new IOException("The stream had no piece.") : (first, tokens);
    }

    private static Process Start(string address, string models)
    {
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "LoraAspire.Chat")) { RedirectStandardOutput = true };
        (start.Environment["ASPNETCORE_URLS"], start.Environment["LORA_MODELS"]) = (address, models);
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        var service = Process.Start(start)!;
        service.OutputDataReceived += (_, line) => Console.Error.WriteLine(line.Data);
        service.BeginOutputReadLine();
        return service;
    }

    private static async Task ReadyAsync(HttpClient http, Process service, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var response = await http.GetAsync("/v1/models", cancellationToken);
                response.EnsureSuccessStatusCode();
                return;
            }
            catch (HttpRequestException error)
            {
                if (service.HasExited)
                {
                    throw new InvalidOperationException($"The service ended with {service.ExitCode} before it answered.", error);
                }
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
