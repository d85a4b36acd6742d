using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using LoraAspire.Hosting.Redis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.Hosting.Engine;

/// <summary>From a resource to the command line and environment that start one instance of it.</summary>
internal sealed class Launches(IConfiguration configuration, IHostEnvironment host, DistributedApplicationExecutionContext execution, StateFolder state)
{
    /// <exception cref="DistributedApplicationException">It cannot be started; the message says why.</exception>
    public Task<Launch> CreateAsync(IResource resource, string instanceId, IReadOnlyDictionary<string, int> targetPorts, Action<string> say, CancellationToken cancellationToken) => resource switch
    {
        ProjectResource project => ProjectAsync(project, instanceId, targetPorts, cancellationToken),
        ExecutableResource executable => ExecutableAsync(executable, cancellationToken),
        RedisResource redis => RedisAsync(redis, say, cancellationToken),
        _ => throw new DistributedApplicationException($"The local engine cannot start '{resource.Name}': a {resource.GetType().Name} needs the packages engine."),
    };

    private async Task<Launch> ProjectAsync(ProjectResource project, string instanceId, IReadOnlyDictionary<string, int> targetPorts, CancellationToken cancellationToken)
    {
        var metadata = project.Annotations.OfType<IProjectMetadata>().Last();
        var environment = Inherited();
        // The AppHost's own address and launch profile are not the service's.
        environment.Remove("ASPNETCORE_URLS");
        environment.Remove("DOTNET_LAUNCH_PROFILE");
        var urls = project.Annotations.OfType<EndpointAnnotation>().Where(e => e.Transport == "http")
            .Select(e => $"{e.UriScheme}://localhost:{targetPorts[e.Name].ToString(CultureInfo.InvariantCulture)}");
        environment["ASPNETCORE_URLS"] = string.Join(';', urls) is { Length: > 0 } listed ? listed : "http://127.0.0.1:0";
        environment["DOTNET_ROOT"] = DotnetRoot;
        environment["LOGGING__CONSOLE__FORMATTERNAME"] = "simple";
        environment["OTEL_SERVICE_NAME"] = project.Name;
        environment["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={instanceId[(project.Name.Length + 1)..]}";
        environment["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"] = "in_memory";
        AddExporter(environment);
        if (host.IsDevelopment())
        {
            environment["OTEL_BLRP_SCHEDULE_DELAY"] = environment["OTEL_BSP_SCHEDULE_DELAY"] = environment["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
            environment["OTEL_TRACES_SAMPLER"] = "always_on";
        }
        foreach (var (name, value) in LaunchProfile.Environment(metadata.ProjectPath))
        {
            environment.TryAdd(name, value);
        }
        await ApplyAsync(project, environment, cancellationToken);
        var (command, arguments) = BuiltProject.Command(metadata, Path.Combine(DotnetRoot, "dotnet"));
        return new Launch(command, [.. arguments, .. await ArgumentsAsync(project, cancellationToken)], Path.GetDirectoryName(metadata.ProjectPath)!, environment);
    }

    private void AddExporter(Dictionary<string, string> environment)
    {
        var grpc = configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"];
        if ((grpc ?? configuration["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"]) is { } endpoint)
        {
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
            environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = grpc is null ? "http/protobuf" : "grpc";
            if (configuration["AppHost:OtlpApiKey"] is { } key)
            {
                environment["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-otlp-api-key={key}";
            }
        }
    }

    private async Task<Launch> ExecutableAsync(ExecutableResource executable, CancellationToken cancellationToken)
    {
        var environment = Inherited();
        await ApplyAsync(executable, environment, cancellationToken);
        if (!Directory.Exists(executable.WorkingDirectory))
        {
            throw new DistributedApplicationException($"'{executable.Name}' has no working folder {executable.WorkingDirectory}.");
        }
        var found = executable.Command.Contains('/')
            ? File.Exists(Path.GetFullPath(executable.Command, executable.WorkingDirectory))
            : environment.GetValueOrDefault("PATH", "").Split(':').Any(folder => File.Exists(Path.Combine(folder, executable.Command)));
        return found
            ? new Launch(executable.Command, await ArgumentsAsync(executable, cancellationToken), executable.WorkingDirectory, environment)
            : throw new DistributedApplicationException($"'{executable.Name}' needs the command {executable.Command}, which is not here.");
    }

    private async Task<Launch> RedisAsync(RedisResource redis, Action<string> say, CancellationToken cancellationToken)
    {
        RedisBinary binary;
        try
        {
            binary = await RedisBinary.FindOrUnpackAsync(say, cancellationToken);
        }
        catch (InvalidOperationException none)
        {
            throw new DistributedApplicationException(none.Message, none);
        }
        var environment = Inherited();
        await ApplyAsync(redis, environment, cancellationToken);
        if (binary.LibraryPath is { } libraries)
        {
            environment["LD_LIBRARY_PATH"] = libraries;
        }
        var folder = state.Data(redis.Name);
        return new Launch(binary.Path, [await RedisConfiguration.WriteAsync(redis, folder, cancellationToken)], folder, environment);
    }

    private async Task ApplyAsync(IResource resource, Dictionary<string, string> environment, CancellationToken cancellationToken)
    {
        var context = new EnvironmentCallbackContext(execution, [], cancellationToken);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
        {
            await annotation.Callback(context);
        }
        foreach (var (name, value) in context.EnvironmentVariables)
        {
            environment[name] = await ResolveAsync(value, cancellationToken);
        }
    }

    private static async Task<IReadOnlyList<string>> ArgumentsAsync(IResource resource, CancellationToken cancellationToken)
    {
        var context = new CommandLineArgsCallbackContext([], cancellationToken);
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
        {
            await annotation.Callback(context);
        }
        var arguments = new List<string>();
        foreach (var argument in context.Args)
        {
            arguments.Add(await ResolveAsync(argument, cancellationToken));
        }
        return arguments;
    }

    private static async ValueTask<string> ResolveAsync(object value, CancellationToken cancellationToken) =>
        value is IValueProvider provider ? await provider.GetValueAsync(cancellationToken) ?? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static Dictionary<string, string> Inherited() =>
        System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value ?? "");

    /// <summary>The installation that runs us: shared/Microsoft.NETCore.App/10.0.x lies three folders below it.</summary>
    private static string DotnetRoot { get; } = Path.GetFullPath("../../..", RuntimeEnvironment.GetRuntimeDirectory());
}
